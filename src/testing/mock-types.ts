// The types of a mock, derived from the upstream class: what can be asked of the mock is what the class has.

/* eslint-disable @typescript-eslint/no-explicit-any -- mapped types over arbitrary methods: `unknown` would not match
   parameter positions */

import type { EventEmitter } from 'node:events';
import type cluster from '../index';

export type UpstreamClass = cluster.UpstreamClass;
type Method = (...args: any[]) => any;
type IsAny<T> = 0 extends 1 & T ? true : false;

/** Members that every client or emitter has, and that no class shares as methods of its own. */
type OwnNames = Exclude<
  keyof cluster.SharedClient | keyof EventEmitter,
  'status' | 'close' | 'values' | 'latest' | 'ref' | 'unref'
>;

/** The names of the methods that a test can script; any name where the compiler knows nothing of the class. */
export type MethodNames<T> =
  IsAny<T> extends true
    ? string
    : {
        [K in keyof T]: K extends OwnNames ? never : T[K] extends Method ? K : never;
      }[keyof T] &
        string;

/** The method of a name. */
export type MethodOf<C extends UpstreamClass, K> = K extends keyof InstanceType<C> ? InstanceType<C>[K] : never;

/** Which methods of the class subscribe and publish, where the class uses other names. */
export interface MockVerbs<C extends UpstreamClass> {
  /** Default `subscribe`. */
  readonly subscribe?: MethodNames<InstanceType<C>> | undefined;
  /** Default `unSubscribe`. */
  readonly unSubscribe?: MethodNames<InstanceType<C>> | undefined;
  /** Default `publish`. */
  readonly publish?: MethodNames<InstanceType<C>> | undefined;
  /** Default `unPublish`. */
  readonly unPublish?: MethodNames<InstanceType<C>> | undefined;
}

/** The method behind a verb. */
type VerbOf<C extends UpstreamClass, O, V extends string> = (
  O extends { readonly [K in V]: infer N extends string } ? N : V
) extends infer N
  ? N extends keyof InstanceType<C>
    ? InstanceType<C>[N]
    : never
  : never;
type FirstOf<F> = IsAny<F> extends true ? any : F extends (first: infer R, ...rest: any[]) => any ? R : never;
type ListenedTo<F> =
  IsAny<F> extends true
    ? any
    : F extends (first: any, listener: infer L, ...rest: any[]) => any
      ? NonNullable<L> extends (value: infer V, ...rest: any[]) => any
        ? V
        : never
      : never;

/** What is subscribed; never where the class cannot subscribe. */
export type RegistrationOf<C extends UpstreamClass, O> = FirstOf<VerbOf<C, O, 'subscribe'>>;
/** What a subscriber hears. */
export type ValueOf<C extends UpstreamClass, O> = ListenedTo<VerbOf<C, O, 'subscribe'>>;
/** What is published; never where the class cannot publish. */
export type PublicationOf<C extends UpstreamClass, O> = FirstOf<VerbOf<C, O, 'publish'>>;

type Callback<A extends any[]> = A extends [...any[], infer L] ? (NonNullable<L> extends Method ? NonNullable<L> : never) : never;

/** The arguments of a call, without a callback. */
export type ArgumentsOf<F> =
  IsAny<F> extends true
    ? any[]
    : F extends (...args: infer A) => any
      ? [Callback<A>] extends [never]
        ? A
        : A extends [...infer Front, any]
          ? Front
          : A
      : never;

/** What a method gives to the caller: from a promise, a generator or a callback. */
export type ResultOf<F> =
  IsAny<F> extends true
    ? any
    : F extends (...args: infer A) => infer R
      ? [R] extends [AsyncGenerator<infer Item, any, any>]
        ? Iterable<Item> | AsyncIterable<Item>
        : [R] extends [Generator<any, infer Result, any>]
          ? Result
          : [Callback<A>] extends [never]
            ? Awaited<R>
            : Callback<A> extends (error?: any, result?: infer Result, ...rest: any[]) => any
              ? Exclude<Result, undefined>
              : unknown
      : never;

/** What a test says a method gives: a value, or a function of the arguments. */
export type Answer<F> = ResultOf<F> | ((...args: Extract<ArgumentsOf<F>, any[]>) => ResultOf<F> | Promise<ResultOf<F>>);
