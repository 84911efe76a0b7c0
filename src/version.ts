/** The version of this package; a test holds it against package.json. */
export const VERSION = '0.1.0';

/** The RabbitMQ whose behaviour clients find here; the differential suite holds Leveret against it. */
export const RABBITMQ_VERSION = '3.10.8';
