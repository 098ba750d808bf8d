import { createReceiver } from '@hookcast/receiver';

const { HOOKCAST_SECRET = '', PORT = '3000' } = process.env;

export const port = Number(PORT);

/** The same in every framework: what happens when an order comes. */
export const receiver = createReceiver({
  secrets: [HOOKCAST_SECRET],
  on: { 'orders.*': (order, { topic, id }) => console.log(`billed ${topic} ${id} ${JSON.stringify(order)}`) },
});
