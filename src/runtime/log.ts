/** One line per event: time, level, category, message. Where the lines go is the caller's choice; the default is standard error. */
export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'none';

export interface Log {
  debug(category: string, message: string): void;
  info(category: string, message: string): void;
  warning(category: string, message: string): void;
  error(category: string, message: string): void;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3, none: 4 };

export function createLog(level: LogLevel, write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  const at = (own: Exclude<LogLevel, 'none'>) => (category: string, message: string) => {
    if (RANK[own] >= RANK[level]) write(`${new Date().toISOString()} [${own}] ${category}: ${message}\n`);
  };
  return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
}
