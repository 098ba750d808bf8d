import 'reflect-metadata';
import type { LoggerService, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { shopSettings, type Service } from './settings.js';

/** What Nest says about its own start; the shop is about events. */
const nestContexts = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** One line per thing that happened, with the name of the service in front. */
export class ShopLog implements LoggerService {
  constructor(private readonly service: Service) {}

  log(line: string, context?: string): void {
    if (context === undefined || !nestContexts.has(context)) this.print(line);
  }

  warn(line: string): void {
    this.print(`! ${line}`);
  }

  error(line: string): void {
    this.print(`!! ${line}`);
  }

  private print(line: string): void {
    console.log(`${this.service.padEnd(8)} ${line}`);
  }
}

/** Starts one service of the shop on its port; Ctrl-C and SIGTERM close it after what is under way. */
export async function startService(service: Service, module: Type): Promise<void> {
  const { ports } = shopSettings();
  const app = await NestFactory.create(module, { logger: new ShopLog(service) });
  app.enableShutdownHooks();
  await app.listen(ports[service], '127.0.0.1');
  new ShopLog(service).log(`listens on http://127.0.0.1:${ports[service]}`);
}
