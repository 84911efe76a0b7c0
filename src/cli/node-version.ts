/** On a Node that is too old a broker would end with the name of a module that nobody knows: say what is needed instead. */
const OLDEST_MAJOR = 24;

/** @returns what to tell the user, or null when there is nothing to tell */
export function nodeVersionFault(version: string): string | null {
  const major = Number.parseInt(version.slice(1), 10);
  return major >= OLDEST_MAJOR ? null : `Node ${OLDEST_MAJOR} or newer is needed, and this is ${version}`;
}
