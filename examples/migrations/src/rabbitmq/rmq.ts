/** How the shop has used RabbitMQ as a client: its channel consumes replies, which nobody acknowledges. */
export const rmq = {
  urls: [process.env['RABBITMQ_URL'] ?? 'amqp://127.0.0.1'],
  queue: 'shop',
  exchange: 'events',
  wildcards: true,
  persistent: true,
};

/** And as a server. */
export const rmqServer = {
  ...rmq,
  noAck: false,
  prefetchCount: 8,
  queueOptions: { durable: true, deadLetterExchange: 'events.dead' },
};
