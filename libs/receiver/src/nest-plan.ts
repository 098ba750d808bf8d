import type { INestApplicationContext } from '@nestjs/common';
import { HookcastReceiver } from './nest-receiver.js';
import { planText } from './registration-plan.js';

/**
 * Prints what this application would change at the broker when it starts, changes nothing, and closes it. For a step of
 * the deploy: exits with 1 when the broker refuses the declaration or is away.
 *
 * @example
 * const app = await NestFactory.create(AppModule);
 * if (process.argv.includes('--plan')) await printPlan(app);
 * else await app.listen(3000);
 */
export async function printPlan(
  app: INestApplicationContext,
  print: (line: string) => void = (line) => console.log(line),
): Promise<void> {
  await app.init();
  const { registration } = app.get(HookcastReceiver, { strict: false });
  if (registration === undefined) throw new TypeError('printPlan: without a broker there is nothing to plan.');
  const result = await registration.plan();
  if (result.kind === 'ok') print(planText(result.value));
  else {
    print(`There is no plan: ${result.detail}`);
    process.exitCode = 1;
  }
  await app.close();
}
