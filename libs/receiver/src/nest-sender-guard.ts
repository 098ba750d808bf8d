import type { IncomingMessage } from 'node:http';
import { Injectable, type CanActivate, type ExecutionContext, type OnModuleInit, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { SenderAnswer } from './nest-sender-answer.js';
import { rememberReceived } from './nest-sender-items.js';
import { isFactory, type FromSenderFactory, type FromSenderOptions } from './nest-sender-options.js';
import { confirmSubscription } from './sender-downloads.js';
import { SenderRequestError } from './sender-request-error.js';
import { checkSenderOptions, verifyFrom, type FromSender } from './verify-from.js';

/** A guard that lets a sender's genuine deliveries through, and answers its handshakes itself. */
export function senderGuard(sender: string, given: FromSenderOptions | FromSenderFactory): Type<CanActivate> {
  @Injectable()
  class SenderGuard implements CanActivate, OnModuleInit {
    private options: Promise<FromSenderOptions> | undefined;

    constructor(private readonly modules: ModuleRef) {}

    /** Fails the start of an application that could verify nothing. */
    async onModuleInit(): Promise<void> {
      checkSenderOptions(sender, await this.resolved());
    }

    async canActivate(context: ExecutionContext): Promise<boolean> {
      const request = context.switchToHttp().getRequest<IncomingMessage>();
      const options = await this.resolved();
      const received = await verifyFrom(sender, request, options);
      await followUp(received, options);
      if (received.kind === 'handshake') throw new SenderAnswer(received.response);
      rememberReceived(request, received);
      return true;
    }

    private async resolved(): Promise<FromSenderOptions> {
      return (this.options ??= resolve(given, this.modules));
    }
  }
  return SenderGuard;
}

async function resolve(given: FromSenderOptions | FromSenderFactory, modules: ModuleRef): Promise<FromSenderOptions> {
  if (!isFactory(given)) return given;
  const parts = (given.inject ?? []).map((token): unknown => modules.get(token, { strict: false }));
  return Reflect.apply(given.useFactory.bind(given), undefined, parts);
}

/** Before the answer: a sender whose subscription could not be confirmed asks again after a 503. */
async function followUp(received: FromSender, { onFollowUp = confirm }: FromSenderOptions): Promise<void> {
  if (received.followUp !== undefined) await onFollowUp(received.followUp);
}

async function confirm(what: NonNullable<FromSender['followUp']>): Promise<void> {
  if (what.kind !== 'confirm') return;
  await confirmSubscription(what.url).catch((error: unknown) => {
    const detail = error instanceof Error ? error.message : String(error);
    throw new SenderRequestError(`A subscription was not confirmed: ${detail}.`, {
      reason: 'not-confirmed',
      status: 503,
    });
  });
}
