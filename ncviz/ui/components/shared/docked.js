/** The page's property that says how high the panel stands at the window's lower edge, for what must stay above it. */
export const DOCKED = "--ncviz-docked";
