"""Write the records of logs as tables: CSV, Parquet or Arrow."""
