"""Arrays in, pictures out: colours, coordinates and figures; knows no network and no torch."""
