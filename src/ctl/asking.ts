/** Small words of the commands: paths of the API, JSON among the arguments, refusals that mean something to a command. */
import { ApiRefusal, type BrokerClient, type Json } from './broker-client.ts';
import { EXIT, Failure, failed } from './failure.ts';

/** RabbitMQ has it without a line in front. */
export function noSuchVhost(name: string): Failure {
  return new Failure(EXIT.data, `Virtual host '${name}' does not exist`);
}

/** @throws Failure when there is no such vhost */
export async function checkVhost(broker: BrokerClient, name: string, otherwise = noSuchVhost(name)): Promise<void> {
  await found(broker.get(`${path('vhosts', name)}?columns=name`), otherwise);
}

/** A path of the API, with each part encoded. @throws Failure for an empty part: the path would be another one */
export function path(...parts: readonly string[]): string {
  if (parts.includes('')) throw failed(EXIT.unavailable, 'nothing has an empty name');
  return parts.map(encodeURIComponent).join('/');
}

/** @throws `otherwise` in place of a refusal with 404 */
export async function found<T>(asked: Promise<T>, otherwise: Failure): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw error instanceof ApiRefusal && error.status === 404 ? otherwise : error;
  }
}

/** An object as JSON with its names in order, as RabbitMQ prints it. */
export function sortedJson(object: { readonly [name: string]: Json }): string {
  return JSON.stringify(Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1))));
}

/** An object in JSON, on the command line. @throws Failure */
export function objectIn(text: string): { readonly [name: string]: Json } {
  const value = jsonIn(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw failed(EXIT.unavailable, 'JSON decoding error. Reason: expected an object');
}

/** @throws Failure */
export function jsonIn(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw failed(EXIT.unavailable, `JSON decoding error. Reason: ${(error as Error).message}`);
  }
}
