/** What a broker that a test or the benchmark starts is given of the environment: nothing that would be a setting to it. */
export function brokerEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(LEVERET|RABBITMQ)_/.test(name)));
}
