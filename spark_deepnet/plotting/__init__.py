"""Pictures by matplotlib, which is imported when one is drawn. Each function draws plain numbers and names onto the Axes
that it is given, or onto a new figure's, and never shows it."""
