/** Settings of what Prometheus is answered. */
import { setting } from './setting.ts';
import { FLAG, HOST, PATTERN, PORT, TEXT } from './setting-types.ts';
import { tlsSettings } from './tls-settings.ts';

export const PROMETHEUS_SETTINGS = {
  prometheusPort: setting({
    key: 'prometheus.tcp.port',
    classic: 'rabbitmq_prometheus.tcp_config.port',
    type: PORT,
    default: 15_692,
    text: 'TCP port of the metrics for Prometheus; 0 takes a free one.',
  }),
  prometheusHost: setting({
    key: 'prometheus.tcp.ip',
    classic: 'rabbitmq_prometheus.tcp_config.ip',
    type: HOST,
    text: 'Address that metrics are served on; 127.0.0.1 when neither this nor, in a file or a variable, its port is set.',
  }),
  ...tlsSettings('prometheusTls', 'prometheus.ssl', 'rabbitmq_prometheus.ssl_config.ssl_opts'),
  prometheusTlsPort: setting({
    key: 'prometheus.ssl.port',
    classic: 'rabbitmq_prometheus.ssl_config.port',
    type: PORT,
    default: 15_691,
    text: 'TCP port of the metrics with TLS; 0 takes a free one.',
  }),
  prometheusTlsHost: setting({
    key: 'prometheus.ssl.ip',
    classic: 'rabbitmq_prometheus.ssl_config.ip',
    type: HOST,
    text: 'Address that metrics are served on with TLS; 127.0.0.1 when neither this nor, in a file or a variable, its port is set.',
  }),
  prometheusPath: setting({
    key: 'prometheus.path',
    classic: 'rabbitmq_prometheus.path',
    type: TEXT,
    default: '/metrics',
    text: 'Path of the metrics; `per-object` and `detailed` are below it.',
  }),
  prometheusPerObject: setting({
    key: 'prometheus.return_per_object_metrics',
    classic: 'rabbitmq_prometheus.return_per_object_metrics',
    type: FLAG,
    default: 'false',
    text: 'Whether that path has each queue, channel and connection by itself, too, and not only sums.',
  }),
  prometheusLeftOut: setting({
    key: 'prometheus.filter_aggregated_queue_metrics_pattern',
    classic: 'rabbitmq_prometheus.filter_aggregated_queue_metrics_pattern',
    type: PATTERN,
    text: 'A regular expression: queues whose names it matches are not in the sums of `queue_metrics`.',
  }),
} as const;
