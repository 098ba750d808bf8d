import { adminKey, type BrokerProcess } from './broker.js';
import { brokerOnDatabase } from './broker-on-database.js';
import { hookServer, type HookServer } from './hook-server.js';
import { serviceProcess, type ServiceProcess } from './service-process.js';

/** A program of examples/migrations beside a broker, and the bank that it charges. */
export interface MovedShop {
  broker: BrokerProcess;
  bank: HookServer;
  shop: ServiceProcess;
}

/** Runs the program for the tests of a file, from the first to the last. */
export function movedShop(program: string): MovedShop {
  const running: Partial<MovedShop> = {};
  beforeAll(async () => {
    running.broker = await brokerOnDatabase();
    await running.broker.start();
    running.bank = await hookServer();
    const settings = { HOOKCAST_URL: running.broker.url, HOOKCAST_API_KEY: adminKey, BANK_URL: running.bank.url };
    running.shop = await serviceProcess(program, settings);
    await running.shop.prints('shop is registered');
  });
  afterAll(async () => {
    await running.shop?.stop();
    await running.bank?.close();
    await running.broker?.remove();
  });
  const started = <T>(one: T | undefined): T => {
    if (one === undefined) throw new Error(`${program} was not started.`);
    return one;
  };
  return {
    get broker() {
      return started(running.broker);
    },
    get bank() {
      return started(running.bank);
    },
    get shop() {
      return started(running.shop);
    },
  };
}
