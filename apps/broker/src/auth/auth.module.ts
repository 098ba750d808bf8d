import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { AuditLogModule } from '../audit/audit-log.module.js';
import { AuditInterceptor } from '../audit/audit.interceptor.js';
import { ControlModule } from '../control/control.module.js';
import { Admission } from './admission.js';
import { Authenticator } from './authenticator.js';
import { Credentials } from './credentials.js';
import { DocsAccess } from './docs-access.js';
import { FailedKeys, FailedLogins } from './failed-attempts.js';
import { KeyDirectory } from './key-directory.js';
import { KeyQuota } from './key-quota.js';
import { KeyUses } from './key-uses.js';
import { OpenAnswers } from './open-answers.js';
import { PublishAccess } from './publish-access.js';
import { RefusedRequests } from './refused-requests.js';
import { ScopeGuard } from './scope.guard.js';
import { Sessions } from './sessions.js';
import { SubscriptionAccess } from './subscription-access.interceptor.js';

@Module({
  imports: [ControlModule, AuditLogModule],
  providers: [
    Admission,
    Authenticator,
    Credentials,
    DocsAccess,
    KeyDirectory,
    KeyQuota,
    FailedKeys,
    FailedLogins,
    KeyUses,
    OpenAnswers,
    PublishAccess,
    RefusedRequests,
    Sessions,
    { provide: APP_GUARD, useClass: ScopeGuard },
    // In this order: what the second one refuses, the first one tells of.
    { provide: APP_INTERCEPTOR, useClass: AuditInterceptor },
    { provide: APP_INTERCEPTOR, useClass: SubscriptionAccess },
  ],
  exports: [Authenticator, FailedLogins, KeyUses, PublishAccess, RefusedRequests, Sessions],
})
export class AuthModule {}
