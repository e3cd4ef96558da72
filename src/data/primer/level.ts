/** Which built-in problems: `basic` is the small circuits, `hard` the larger ones with longer reasoning, `all` both. */

export const LEVELS = ["basic", "hard", "all"] as const;
export type Level = (typeof LEVELS)[number];
