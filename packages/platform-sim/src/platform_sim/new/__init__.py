"""Make new projects from templates: a plug-in, a resource, a sequence."""
