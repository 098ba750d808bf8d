import { isOwnAddress } from './own-address.js';

test.each([
  ['https://bus.example.com/v1/topics/orders.created/events', 'https://bus.example.com'],
  ['https://bus.example.com/in/github/t0ken', 'https://bus.example.com'],
  ['http://BUS.example.com./v1/topics/a/events', 'https://bus.example.com'],
  ['https://bus.example.com:443//in/github/t', 'https://bus.example.com'],
  ['https://bus.example.com/%69n/github/t', 'https://bus.example.com'],
  ['https://example.com/bus/x/../in/github/t', 'https://example.com/bus'],
  ['http://10.0.0.5:8080/v1', 'http://10.0.0.5:8080'],
  ['https://bus.example.com/V1/topics/orders.created/events', 'https://bus.example.com'],
  ['https://bus.example.com/%49N/github/t0ken', 'https://bus.example.com'],
  ['https://example.com/BUS/in/github/t', 'https://example.com/Bus'],
])('%s is an address of the broker at %s', (hook, own) => {
  expect(isOwnAddress(new URL(hook), own)).toBe(true);
});

test.each([
  ['https://bus.example.com/billing/hooks', 'https://bus.example.com'],
  ['https://bus.example.com/inbox', 'https://bus.example.com'],
  ['https://bus.example.com/%zz', 'https://bus.example.com'],
  ['https://example.com/in/github/t', 'https://example.com/bus'],
  ['https://bus.example.com:8443/v1/topics/a/events', 'https://bus.example.com'],
  ['https://billing.example.com/v1/hooks', 'https://bus.example.com'],
])('%s is none of the broker at %s', (hook, own) => {
  expect(isOwnAddress(new URL(hook), own)).toBe(false);
});
