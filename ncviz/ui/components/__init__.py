"""The custom components, and how two of them, network canvas and live panel, talk.

The panel leads: while its slider moves, it publishes `{removed, order}` on a channel of the page, and the canvas
hides edges in the same frame, without the server. Beside that it asks Python for accuracies, one request at a time.
The canvas belongs outside the panel's fragment, so that its payload stays where it is during a drag.
"""
