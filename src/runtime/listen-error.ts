/** Why nobody can listen where a broker was told to, and what to do about it. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not; ports below 1024 are the administrator’s on most systems',
  ENOTFOUND: 'there is no address for that name',
  EAI_AGAIN: 'there is no address for that name, or nobody to ask for it',
};

/** @param setting where the address comes from */
export function listenError(host: string, port: number, cause: NodeJS.ErrnoException, setting: string): Error {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    const flag = setting === 'listeners.tcp.default' ? 'with --port' : `in ${setting}`;
    return new Error(`${where} is in use: is another broker running? Choose another port ${flag}`, { cause });
  }
  return new Error(`cannot listen on ${where}: ${REASONS[cause.code ?? ''] ?? cause.message}`, { cause });
}
