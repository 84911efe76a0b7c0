/**
 * When a log file is to be rotated by date, in RabbitMQ's notation: `$D0` is every day at midnight, `$W1D4H30` every Monday at
 * 4:30, `$M1D0` the first day of every month, `$H15` a quarter past every hour. By local time.
 */
export interface RotationDate {
  /** 0 is Sunday. */
  readonly weekday: number | null;
  /** From 1; a month that is shorter has its last day instead. */
  readonly dayOfMonth: number | null;
  /** Null: every hour. */
  readonly hour: number | null;
  readonly minute: number;
}

const FORM = /^\$(?:W(\d)|M(\d{1,2}))?(?:D(\d{1,2}))?(?:H(\d{1,2}))?$/;

/** @throws Error that says what is expected */
export function readRotationDate(text: string): RotationDate {
  const [found, weekday, dayOfMonth, hour, minute] = FORM.exec(text) ?? [];
  const date = {
    weekday: numberOf(weekday),
    dayOfMonth: numberOf(dayOfMonth),
    hour: numberOf(hour) ?? (weekday === undefined && dayOfMonth === undefined ? null : 0),
    minute: numberOf(minute) ?? 0,
  };
  const isEmpty = found === undefined || found === '$';
  if (isEmpty || !isWithin(date)) {
    throw new Error('expected a date such as $D0 (daily at midnight), $W1D4 (Mondays at 4) or $M1D0 (monthly)');
  }
  return date;
}

function numberOf(digits: string | undefined): number | null {
  return digits === undefined ? null : Number(digits);
}

function isWithin({ weekday, dayOfMonth, hour, minute }: RotationDate): boolean {
  return (weekday ?? 0) <= 6 && (dayOfMonth ?? 1) >= 1 && (dayOfMonth ?? 1) <= 31 && (hour ?? 0) <= 23 && minute <= 59;
}

/** The first such moment after `fromMs`. */
export function nextRotationMs({ weekday, dayOfMonth, hour, minute }: RotationDate, fromMs: number): number {
  const at = new Date(fromMs);
  at.setMinutes(minute, 0, 0);
  if (hour === null) {
    // In steps of the clock of the world: an hour that local time has twice, or never, is nobody's loss.
    return at.getTime() > fromMs ? at.getTime() : at.getTime() + 3_600_000;
  }
  at.setHours(hour);
  if (weekday !== null) at.setDate(at.getDate() + ((weekday - at.getDay() + 7) % 7));
  if (dayOfMonth !== null) setDayOfMonth(at, dayOfMonth);
  if (at.getTime() > fromMs) return at.getTime();
  if (dayOfMonth === null) at.setDate(at.getDate() + (weekday === null ? 1 : 7));
  else {
    at.setDate(1);
    at.setMonth(at.getMonth() + 1);
    setDayOfMonth(at, dayOfMonth);
  }
  return at.getTime();
}

function setDayOfMonth(at: Date, day: number): void {
  const last = new Date(at.getFullYear(), at.getMonth() + 1, 0).getDate();
  at.setDate(Math.min(day, last));
}
