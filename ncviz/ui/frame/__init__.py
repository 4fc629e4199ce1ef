"""What stands around every page: navigation, sidebar, the list of stored results."""
