import { Module } from '@nestjs/common';
import type { EgressPolicy } from '@hookcast/egress';
import { RUNTIME, type Runtime } from '../runtime.js';
import { egressPolicy } from './egress-policy.js';

export const EGRESS_POLICY = Symbol('egress policy');

@Module({
  providers: [
    {
      provide: EGRESS_POLICY,
      inject: [RUNTIME],
      useFactory: ({ config, databaseUrl }: Runtime): EgressPolicy => egressPolicy(config, databaseUrl),
    },
  ],
  exports: [EGRESS_POLICY],
})
export class EgressModule {}
