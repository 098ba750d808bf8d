import { createServer } from 'node:http';
import { port, receiver } from './billing.js';

const server = createServer((request, response) => {
  if (request.url === '/hooks') void receiver.node(request, response);
  else response.writeHead(404).end();
});

server.listen(port, '127.0.0.1', () => console.log('listens'));
