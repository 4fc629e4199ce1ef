"""Components of the frame around the pages: the browser's history, the first minute, the presenter."""
