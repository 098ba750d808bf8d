import { createRequire } from 'node:module';
import { HookcastClient } from '@hookcast/publisher/nest-microservice';
import { lastValueFrom } from 'rxjs';

/** The client of one copy emits a record of the other. */
const { HookcastRecord } = createRequire(import.meta.url)('@hookcast/publisher/nest-microservice');
const client = new HookcastClient({ url: process.env.HOOKCAST_URL, apiKey: process.env.HOOKCAST_API_KEY });
const { id } = await lastValueFrom(client.emit('nest.records', new HookcastRecord({ n: 1 }, { id: 'record-1' })));
await client.close();
console.log(id);
