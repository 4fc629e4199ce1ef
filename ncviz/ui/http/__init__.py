"""What stands between the network and Streamlit: whom the server believes, and what it takes in and gives out."""
