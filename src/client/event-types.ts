// The events of a shared client, for the compiler: a name that is no event does not compile. What a class emits is known from its
// `emits` or from overloads of its `on`; any other name is said as a type argument.

import type { ClientStatus } from './status';

/* eslint-disable @typescript-eslint/no-explicit-any -- what an event brings is not known where only its name is */

/** The events that every client has, with what they bring. */
export interface OwnEvents {
  ready: [];
  close: [];
  error: [error: Error];
  state: [status: ClientStatus];
  role: [change: Pick<ClientStatus, 'role' | 'term'>];
  upstream: [upstream: ClientStatus['upstream']];
  newListener: [event: string | symbol, listener: (...args: any[]) => unknown];
  removeListener: [event: string | symbol, listener: (...args: any[]) => unknown];
}

/** The events of a class: what `declare readonly emits: { changed: [key: string] }` says, or else the overloads of its `on`. */
export type ClassEvents<T> = T extends { readonly emits: infer M }
  ? M extends object
    ? { [K in keyof M & string as K extends 'close' ? never : K]: M[K] extends readonly unknown[] ? M[K] : any[] }
    : unknown
  : T extends { on: infer F }
    ? OverloadedEvents<F>
    : unknown;

/** Up to six overloads; those for any name say nothing. */
type OverloadedEvents<F> = F extends {
  (event: infer E1, listener: infer L1): any;
  (event: infer E2, listener: infer L2): any;
  (event: infer E3, listener: infer L3): any;
  (event: infer E4, listener: infer L4): any;
  (event: infer E5, listener: infer L5): any;
  (event: infer E6, listener: infer L6): any;
}
  ? Merged<Named<E1, L1> | Named<E2, L2> | Named<E3, L3> | Named<E4, L4> | Named<E5, L5> | Named<E6, L6>>
  : unknown;

/** An overload as a pair, when its event has a name. */
type Named<E, L> = unknown extends E
  ? never
  : E extends string
    ? string extends E
      ? never
      : L extends (...args: infer A) => any
        ? [E, A]
        : never
    : never;
type Merged<P> = [P] extends [never]
  ? unknown
  : { [Pair in P as Pair extends [infer E extends string, any] ? (E extends 'close' ? never : E) : never]: Arguments<Pair> };
type Arguments<Pair> = Pair extends [any, infer A extends readonly unknown[]] ? A : never;

/** The events of a client of a class. */
export type ClientEvents<T> = OwnEvents & ClassEvents<T>;

/** What the compiler says of a name that is no event. */
type NoEvent = 'no event of this client: correct the name, or declare it in the class (emits), or give it as a type argument';
type EventName<E> = [E] extends [never] ? NoEvent : NotInferred<E>;
/** The compiler does not guess E from an argument of this type, so E stays `never` unless it is said. */
type NotInferred<E> = [E][E extends any ? 0 : never];
/** A listener may take less than the event brings, or a narrower type: methods are compared in both directions. */
type ListenerOf<A> = { listen(...args: A extends readonly unknown[] ? [...A] : any[]): unknown }['listen'];

/** What listens to events. The second form is for events that the class does not declare. */
export interface Listening<Events> {
  on<E extends keyof Events & string>(event: E, listener: ListenerOf<Events[E]>): this;
  on<E extends string | symbol = never>(event: EventName<E>, listener: (...args: any[]) => unknown): this;
  addListener<E extends keyof Events & string>(event: E, listener: ListenerOf<Events[E]>): this;
  addListener<E extends string | symbol = never>(event: EventName<E>, listener: (...args: any[]) => unknown): this;
  once<E extends keyof Events & string>(event: E, listener: ListenerOf<Events[E]>): this;
  once<E extends string | symbol = never>(event: EventName<E>, listener: (...args: any[]) => unknown): this;
  prependListener<E extends keyof Events & string>(event: E, listener: ListenerOf<Events[E]>): this;
  prependListener<E extends string | symbol = never>(event: EventName<E>, listener: (...args: any[]) => unknown): this;
  prependOnceListener<E extends keyof Events & string>(event: E, listener: ListenerOf<Events[E]>): this;
  prependOnceListener<E extends string | symbol = never>(event: EventName<E>, listener: (...args: any[]) => unknown): this;
}
