// The type of a shared client, derived from the upstream class: its asynchronous methods, the delegated ones, and subscribe,
// unSubscribe and publish if the class has such methods. A method that cannot be shared is absent.

/* eslint-disable @typescript-eslint/no-explicit-any -- mapped types over arbitrary methods: `unknown` would not match
   parameter positions */

import type { CallOptions } from './call-limit';
import type { SETTLE } from './client-base';
import type { ClientEvents, Listening } from './event-types';
import type { DelegateTarget } from './delegation';
import type { LatestValuesOptions, ValueIterator } from './latest-values';
import type { CLOSE, SharedClient } from './shared-client';
import type { SubscriptionHandle } from './subscription-handle';
import type { UpstreamClass } from './upstream-class';

type Method = (...args: any[]) => any;
type IsAny<T> = 0 extends 1 & T ? true : false;
/** Whether a type says nothing of what comes back: any, or never. */
type IsBlank<T> = [T] extends [never] ? true : IsAny<T>;

/** Members that every client has; own-members.ts is the same list at run time. */
type OwnNames = Exclude<
  keyof SharedClient | 'constructor' | 'then' | 'toJSON',
  'status' | 'close' | 'values' | 'latest' | 'ref' | 'unref'
>;

/** Names of the methods that a user can delegate. */
export type MethodNames<T> = {
  [K in keyof T]: K extends OwnNames ? never : T[K] extends Method ? K : never;
}[keyof T] &
  string;

/** Whether a type is what an `async *` method gives, and nothing that is an async iterable among other things. */
type IsStream<R> = [R] extends [AsyncIterable<any>]
  ? [Exclude<keyof R, keyof AsyncGenerator<any, any, any> | symbol>] extends [never]
    ? true
    : false
  : false;

/** Whether a method is asynchronous by type: the method returns a promise, or is a generator of either kind. */
type IsAsync<F> = F extends (...args: any[]) => infer R
  ? IsBlank<R> extends true
    ? false
    : [R] extends [PromiseLike<any>]
      ? true
      : [R] extends [Generator<any, any, any>]
        ? true
        : IsStream<R>
  : false;

type Verb = 'subscribe' | 'unSubscribe' | 'publish' | 'close';

/** What is delegated although nobody said so. */
type AutoNames<T> = {
  [K in keyof T]: K extends Verb | OwnNames | `_${string}` ? never : IsAsync<T[K]> extends true ? K : never;
}[keyof T];

/** `(…, callback) => …` also in promise form; everything else with the result in a promise. */
type Invoked<F> =
  IsAsync<F> extends true
    ? F
    : F extends (...args: infer A) => infer R
      ? Last<A> extends (...results: infer Results) => any
        ? ((...args: WithoutLast<A>) => Promise<FirstResult<Results>>) & F
        : (...args: A) => Promise<Awaited<R>>
      : never;

/** The stream of a method that was delegated as one. */
type Streamed<F> = F extends (...args: infer A) => infer R
  ? IsStream<R> extends true
    ? F
    : (...args: A) => AsyncGenerator<ItemOf<Awaited<R>>, void, undefined>
  : never;
type ItemOf<R> = R extends AsyncIterable<infer T> ? T : unknown;

type Last<A extends any[]> = Required<A> extends [...any[], infer L] ? NonNullable<L> : unknown;

type WithoutLast<A extends any[]> = A extends [...infer Front, any] ? Front : A extends [...infer Front, any?] ? Front : never;

/** The first result of a callback `(error, ...results) => …`. */
type FirstResult<Results extends any[]> = Results extends [any?, ...infer Rest]
  ? Rest extends []
    ? void
    : Exclude<Rest[0], undefined>
  : void;

/**
 * The parameters of each overload, the last overload first. A function with fewer overloads than the pattern gives `unknown[]`
 * for the missing overloads.
 */
type Overloads<F> = F extends {
  (...args: infer A): any;
  (...args: infer B): any;
  (...args: infer C): any;
  (...args: infer D): any;
  (...args: infer E): any;
}
  ? Known<E> | Known<D> | Known<C> | Known<B> | Known<A>
  : F extends (...args: infer A) => any
    ? A
    : never;
type Known<A> = unknown[] extends A ? never : A;

type Fire<F> = F extends Method ? (...args: Overloads<F>) => void : never;

/**
 * A verb exactly as the class declares the verb, with type parameters and overloads, which no mapped type could keep; only the
 * return type would be wrong where the class returns something special.
 */
type Verbatim<F> = F extends (...args: any[]) => infer R ? ([Awaited<R>] extends [void] ? F : Fire<F>) : never;

/**
 * The type of `unSubscribe`: without a listener the call ends all subscriptions of the registration, even if the class requires
 * a listener.
 */
type Unsubscribing<F> = Verbatim<F> & ((registration: Overloads<F>[0], listener?: SecondOf<Overloads<F>>) => void);
type SecondOf<A> = A extends [any, (infer L)?, ...any[]] ? L : unknown;

/** Whether a method has a single signature without type parameters, which a mapped type can keep. */
type IsPlain<F> = F extends (...args: infer A) => infer R
  ? (<T>() => T extends F ? 1 : 2) extends <T>() => T extends (...args: A) => R ? 1 : 2
    ? true
    : false
  : false;

/**
 * A plain `subscribe` gives a handle, which is also whatever the class declares to return. A generic or overloaded one keeps the type
 * of the class, and gives a handle all the same.
 */
type Subscribing<F> =
  IsPlain<F> extends true
    ? F extends (...args: infer A) => infer R
      ? (...args: A) => SubscriptionHandle & ([Awaited<R>] extends [void] ? R : void)
      : never
    : Verbatim<F>;

/** The type of a delegated member. */
type Delegated<F, To extends DelegateTarget> = To extends 'invoke'
  ? Invoked<F>
  : To extends 'subscribe'
    ? Subscribing<F>
    : To extends 'unSubscribe'
      ? Unsubscribing<F>
      : To extends 'close'
        ? () => Promise<void>
        : To extends 'invokeOneway'
          ? Fire<F>
          : To extends 'stream'
            ? Streamed<F>
            : Verbatim<F>;

/** Verbs of the class that keep the same names. */
type AutoVerbs<T> = {
  [K in Extract<keyof T, 'subscribe' | 'unSubscribe' | 'publish'>]: Delegated<T[K], K & DelegateTarget>;
};

type Named<T, D extends Record<string, DelegateTarget>> = {
  [K in keyof D & string]: K extends keyof T ? Delegated<T[K], D[K]> : D[K] extends 'close' ? () => Promise<void> : never;
};

type Members<T, D extends Record<string, DelegateTarget>, Auto extends boolean> = Named<T, D> &
  (Auto extends true ? Omit<AutoVerbs<T>, keyof D> & Pick<T, Exclude<AutoNames<T>, keyof D>> : unknown);

/** The method of the class that subscribes: the explicit delegate, or the method `subscribe`. */
type SubscribeOf<T, D extends Record<string, DelegateTarget>> = {
  [K in keyof D]: D[K] extends 'subscribe' ? (K extends keyof T ? T[K] : never) : never;
}[keyof D] extends infer F
  ? [F] extends [never]
    ? T extends { subscribe: infer S }
      ? S
      : never
    : F
  : never;

/** What can be read of a registration without a listener; absent where the class cannot subscribe. */
type Reading<F, Own> = [F] extends [never]
  ? unknown
  : Omit<
      {
        /**
         * The values of a registration, for `for await`: the newest value that the reader has not seen, never an older one. Leaving the
         * loop, aborting the signal, or closing the client unsubscribes.
         */
        values(registration: Overloads<F>[0], options?: LatestValuesOptions): ValueIterator<ValueOf<F>>;
        /** The newest value of a subscribed registration, at once; undefined when there is none yet. */
        latest(registration: Overloads<F>[0]): ValueOf<F> | undefined;
      },
      Own extends string ? Own : never
    > & {
      /** The next value of a registration: subscribes, and unsubscribes when the value has come. */
      once(registration: Overloads<F>[0], options?: LatestValuesOptions): Promise<ValueOf<F>>;
    };

/** What a listener of a subscription gets. */
type ValueOf<F> = ValueFor<NonNullable<SecondOf<Overloads<F>>>>;
/** What one of several listeners gets: an overloaded subscription has the values of all listeners. */
type ValueFor<Listener> = Listener extends (value: infer V, ...rest: any[]) => any ? V : unknown;

/** `client.with(options)`: the methods that are called in the leader, each with these options. */
type With<Called> = { with(options: CallOptions): Called };

/** The members of a shared client that call methods of the class. */
type Called<T, D extends Record<string, DelegateTarget>, Auto extends boolean> = {
  [K in keyof D & string as D[K] extends 'invoke' | 'stream' ? K : never]: K extends keyof T ? Delegated<T[K], D[K]> : never;
} & (Auto extends true ? Pick<T, Exclude<AutoNames<T>, keyof D>> : unknown);

/** `this` of the listening methods stays the client unless something is overridden. */
type ListeningBeside<O, Events> = [keyof O & keyof Listening<unknown>] extends [never]
  ? Listening<Events>
  : Omit<Listening<Events>, keyof O>;

/**
 * The type that `create()` returns.
 * @typeParam C the upstream class, e.g. `typeof RegistryClient`
 * @typeParam D what was delegated explicitly: name → target
 * @typeParam O what was overridden: name → type
 * @typeParam Auto false with `autoGenerate: false`
 */
export type SharedClientOf<
  C extends UpstreamClass,
  D extends Record<string, DelegateTarget> = Record<never, never>,
  O = unknown,
  Auto extends boolean = true,
> =
  IsAny<C> extends true
    ? any
    : Omit<
        SharedClient,
        | keyof O
        | 'mirrorReady'
        | 'values'
        | 'latest'
        | keyof Listening<unknown>
        | typeof CLOSE
        | typeof SETTLE
        | Extract<keyof InstanceType<C>, 'status'>
        | Extract<AutoNames<InstanceType<C>> | keyof D, 'ref' | 'unref'>
      > &
        Omit<Members<InstanceType<C>, D, Auto>, keyof O> &
        ListeningBeside<O, ClientEvents<InstanceType<C>>> &
        Omit<Reading<SubscribeOf<InstanceType<C>, D>, AutoNames<InstanceType<C>> | keyof D>, keyof O> &
        Omit<With<Called<InstanceType<C>, D, Auto>>, keyof O | Extract<AutoNames<InstanceType<C>> | keyof D, 'with'>> &
        O;
