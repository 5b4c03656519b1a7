"""Keep the pages in the browsers up to date."""
