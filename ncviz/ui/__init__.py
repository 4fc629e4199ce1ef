"""A package for each page, and what they share: links, session, server, components. Nothing else imports streamlit."""
