import type { IncomingMessage } from 'node:http';
import { Injectable, type CanActivate, type ExecutionContext, type OnModuleInit, type Type } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { adapterOf, onAdapter } from './nest-adapter.js';
import { nodeRequestOf, type FastifyRequest } from './nest-fastify.js';
import { SenderAnswer } from './nest-sender-answer.js';
import { rememberReceived } from './nest-sender-items.js';
import { takeSenderBodies } from './nest-sender-fastify.js';
import { isFactory, type FromSenderFactory, type FromSenderOptions } from './nest-sender-options.js';
import { confirmSubscription } from './sender-downloads.js';
import { SenderRequestError } from './sender-request-error.js';
import { checkSenderOptions, verifyFrom, type FromSender } from './verify-from.js';

/** A guard that lets a sender's genuine deliveries through, and answers its handshakes itself. */
export function senderGuard(sender: string, given: FromSenderOptions | FromSenderFactory): Type<CanActivate> {
  @Injectable()
  class SenderGuard implements CanActivate, OnModuleInit {
    private options: Promise<FromSenderOptions> | undefined;

    constructor(
      private readonly modules: ModuleRef,
      private readonly host: HttpAdapterHost,
    ) {
      // Before the routes are made, which Fastify asks for its hooks.
      onAdapter(host, (adapter) => {
        if (adapter.getType() === 'fastify') takeSenderBodies(adapter.getInstance());
      });
    }

    /** Fails the start of an application that could verify nothing. */
    async onModuleInit(): Promise<void> {
      refuseOtherAdapters(this.host);
      checkSenderOptions(sender, await this.resolved());
    }

    async canActivate(context: ExecutionContext): Promise<boolean> {
      const request = context.switchToHttp().getRequest<IncomingMessage | FastifyRequest>();
      const options = await this.resolved();
      const received = await verifyFrom(sender, incomingOf(request), options);
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

/** Nest 10.0 hands no configuration of routes to Fastify, which then parses the body: Nest keeps the bytes, if it is told to. */
function incomingOf(request: IncomingMessage | FastifyRequest): IncomingMessage {
  const incoming = nodeRequestOf(request);
  if ('raw' in request && request.rawBody instanceof Uint8Array) Object.assign(incoming, { rawBody: request.rawBody });
  return incoming;
}

function refuseOtherAdapters(host: HttpAdapterHost): void {
  const type = adapterOf(host)?.getType() ?? 'express';
  if (type === 'express' || type === 'fastify') return;
  throw new TypeError(
    `@FromSender needs @nestjs/platform-express or -fastify, not ${type}; elsewhere use verifyFrom().`,
  );
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
