import type { EgressPolicy } from './egress-policy.js';
import { ConnectFailure, unreachable } from './failure.js';
import { checkUrl, hostOf, portOf } from './url-check.js';

/** A hook URL in the parts that sending needs. */
export interface HookTarget {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Without brackets and trailing dot. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Path and query. */
  readonly path: string;
}

/** Parsed URLs that are remembered; a broker has at most some thousands of hooks. */
const rememberedTargets = 10_000;

/** Parses and checks every hook URL once: parsing is a noticeable part of a request on the hot path. */
export class TargetBook {
  readonly #targets = new Map<string, HookTarget | ConnectFailure>();

  constructor(private readonly policy: EgressPolicy) {}

  read(text: string): HookTarget | ConnectFailure {
    const known = this.#targets.get(text);
    if (known !== undefined) return known;
    const target = readTarget(text, this.policy);
    this.#targets.set(text, target);
    if (this.#targets.size > rememberedTargets) this.#targets.delete(this.#targets.keys().next().value ?? text);
    return target;
  }
}

/** Rules about the writing of the URL, whose text tells nothing about any network. */
const writtenRules: ReadonlySet<string> = new Set(['url', 'scheme', 'credentials']);

function readTarget(text: string, policy: EgressPolicy): HookTarget | ConnectFailure {
  const check = checkUrl(text, policy);
  if (check.kind === 'refused') {
    const log = `egress rule "${check.rule}" refuses ${redacted(text)}`;
    return new ConnectFailure('blocked', writtenRules.has(check.rule) ? check.detail : unreachable, log, check.rule);
  }
  const { url } = check;
  return {
    origin: url.origin,
    host: hostOf(url),
    port: portOf(url),
    secure: url.protocol === 'https:',
    path: url.pathname + url.search,
  };
}

/** Without the query and the path: hook URLs of chat services are secrets. */
const redacted = (text: string): string => text.split(/[?#]/)[0]?.split('/').slice(0, 3).join('/') ?? '';
