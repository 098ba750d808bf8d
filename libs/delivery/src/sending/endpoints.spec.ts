import { Endpoints } from './endpoints.js';

test('hooks at one origin share an endpoint', () => {
  const endpoints = new Endpoints();
  const endpoint = endpoints.of('https://shop.test/hooks?a=1');
  expect(endpoints.of('https://shop.test:443/others')).toBe(endpoint);
  expect(endpoints.of('https://shop.test:8443/hooks')).not.toBe(endpoint);
});

test('an endpoint is forgotten once no sender is at it and no request is under way', () => {
  const endpoints = new Endpoints();
  const [used, busy] = [endpoints.of('https://used.test/'), endpoints.of('https://busy.test/')];
  endpoints.of('https://left.test/');
  busy.inFlight = 1;
  endpoints.forgetUnused([{ endpoint: used }]);
  expect(endpoints.size).toBe(2);
  // It goes on bounding what is sent there.
  expect(endpoints.of('https://busy.test/')).toBe(busy);
  busy.inFlight = 0;
  endpoints.forgetUnused([{ endpoint: used }]);
  expect(endpoints.size).toBe(1);
  expect(endpoints.of('https://used.test/')).toBe(used);
});
