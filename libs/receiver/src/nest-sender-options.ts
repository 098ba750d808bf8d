import type { InjectionToken } from '@nestjs/common';
import type { FollowUp } from '@hookcast/sources';
import type { SenderOptions } from './verify-from.js';

/** How an application has set up one sender. */
export interface FromSenderOptions extends SenderOptions {
  /**
   * Takes what is to be done besides answering.
   *
   * @default confirms subscriptions (AWS SNS), and lets the rest be
   */
  readonly onFollowUp?: ((followUp: FollowUp) => unknown) | undefined;
}

/** Options that come out of the application: `{ inject: [ConfigService], useFactory: (config) => ({ secrets: … }) }`. */
export interface FromSenderFactory {
  readonly inject?: readonly InjectionToken[];
  // Parameters of any type are what a list of tokens stands for; the compiler cannot relate the two.
  useFactory(...parts: never[]): FromSenderOptions | Promise<FromSenderOptions>;
}

export const isFactory = (options: FromSenderOptions | FromSenderFactory): options is FromSenderFactory =>
  'useFactory' in options;
