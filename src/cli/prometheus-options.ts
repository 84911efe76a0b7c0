/** From the settings of what Prometheus is answered to what startBroker() is told of it. */
import type { PrometheusOptions } from '../broker.ts';
import type { Configuration } from '../config/configuration.ts';
import { httpListening } from './http-listening.ts';
import { given } from './listening-options.ts';
import type { ServeFlags } from './serve-options.ts';

export function prometheusOptions(configuration: Configuration, flags: ServeFlags): PrometheusOptions {
  const { prometheusPath: path, prometheusPerObject, prometheusLeftOut } = configuration.settings;
  return given({
    ...httpListening(configuration, flags, 'prometheus'),
    path,
    returnPerObjectMetrics: prometheusPerObject,
    filterAggregatedQueueMetricsPattern: prometheusLeftOut,
  });
}
