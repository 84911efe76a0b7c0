/** Which samples a query asks for: `lengths_age=60&lengths_incr=5` and the like; all in seconds. */
import type { Window } from '../metrics/sampled.ts';
import type { ApiRequest } from './resource.ts';
import type { StatisticsWindows } from './statistics.ts';

export function windowsOf(request: ApiRequest): StatisticsWindows {
  const lengths = windowOf(request, 'lengths');
  const rates = windowOf(request, 'msg_rates');
  return { ...(lengths === undefined ? {} : { lengths }), ...(rates === undefined ? {} : { rates }) };
}

/** Undefined unless both of its parameters are whole numbers above zero. */
export function windowOf(
  request: ApiRequest,
  name: 'lengths' | 'msg_rates' | 'data_rates' | 'node_stats',
): Window | undefined {
  const [ageSeconds, incrementSeconds] = [`${name}_age`, `${name}_incr`].map((each) => Number(request.query(each)));
  const isWindow = [ageSeconds!, incrementSeconds!].every((number) => Number.isSafeInteger(number) && number > 0);
  return isWindow ? { ageSeconds: ageSeconds!, incrementSeconds: incrementSeconds! } : undefined;
}
