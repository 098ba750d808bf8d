import * as publisher from '@hookcast/publisher';
import * as outbox from '@hookcast/publisher/outbox';
import * as testing from '@hookcast/publisher/testing';
import * as receiver from '@hookcast/receiver';
import * as inbox from '@hookcast/receiver/inbox';
import * as senders from '@hookcast/receiver/senders';
import { round } from './round.cjs';

console.log(JSON.stringify(await round({ publisher, outbox, testing, receiver, inbox, senders })));
