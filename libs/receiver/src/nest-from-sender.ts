import { applyDecorators, HttpCode, SetMetadata, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { SenderAnswerFilter, SenderAnswerInterceptor } from './nest-sender-answer.js';
import { senderGuard } from './nest-sender-guard.js';
import { routeConfigKey, senderRouteConfig } from './nest-sender-fastify.js';
import { isFactory, type FromSenderFactory, type FromSenderOptions } from './nest-sender-options.js';
import { defaultMaxBodyBytes } from './verify-from.js';

/**
 * Lets only genuine requests of a SaaS sender reach the handler, answers the sender's handshakes and pings, and answers
 * a delivery with what the sender expects when the handler returns nothing (200 by default). What the handler throws is
 * answered as usual, so that the sender tries again.
 *
 * On Express the application must keep raw bytes: `NestFactory.create(AppModule, { rawBody: true })`. Senders that shake hands with
 * another method than POST (Dropbox, Meta, Trello, X …) need `@All` instead of `@Post`.
 *
 * @example
 * \@Post('github')
 * \@FromSender('github', { inject: [ConfigService], useFactory: (c: ConfigService) => ({ secrets: [c.get('SECRET')] }) })
 * async onGitHub(\@SenderItems() items: readonly ReceivedItem[]) {}
 *
 * @param sender a name out of `senders()`
 */
export function FromSender(sender: string, options: FromSenderOptions | FromSenderFactory): MethodDecorator {
  return applyDecorators(
    UseGuards(senderGuard(sender, options)),
    UseInterceptors(new SenderAnswerInterceptor()),
    UseFilters(new SenderAnswerFilter()),
    HttpCode(200),
    SetMetadata(routeConfigKey, senderRouteConfig(bodyLimitOf(options))),
  );
}

/** What only the running application knows is looked at when the request is verified. */
const bodyLimitOf = (options: FromSenderOptions | FromSenderFactory): number =>
  isFactory(options) ? defaultMaxBodyBytes : (options.maxBodyBytes ?? defaultMaxBodyBytes);
