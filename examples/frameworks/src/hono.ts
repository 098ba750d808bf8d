import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { port, receiver } from './billing.js';

// Deno and others hand over a `Request` too.
const app = new Hono().all('/hooks', async (context) => receiver.fetch(context.req.raw));

serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => console.log('listens'));
