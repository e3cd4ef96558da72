/** Text as a word of a POSIX shell. */

export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Quoted only where a shell would read it otherwise, for commands that people read. */
export const shellWord = (text: string): string => (/^[\w@%+=:,./~-]+$/.test(text) ? text : quoted(text));
