// Members under any name: the actions of a handle, and the kinds of actors of a client.

import type { ActionCall, ActionCalls } from "../definition/handle.ts";
import type { Declared } from "../definition/types.ts";

/**
 * An object that has the members of `members`, and under every other name what `valueOf` makes of
 * that name, once. It has no symbols, and neither `then` nor `toJSON`: whatever awaits or prints it
 * must not take it for a promise, or call an actor.
 */
export function withNames<M extends object>(
  members: M,
  valueOf: (name: string) => unknown,
): M {
  const values = new Map<string, unknown>();
  return new Proxy(members, {
    get(target, name) {
      if (name in target || typeof name === "symbol" || isHidden(name)) {
        const member: unknown = Reflect.get(target, name);
        // Bound, because private members are not there on the Proxy.
        return typeof member === "function" ? member.bind(target) : member;
      }
      return memberOf(values, name, valueOf);
    },
  });
}

/**
 * The same with an action under every other name: a function that calls it, whose members are the
 * actions of its group, `users.add`, in the same way. What every function has is no action there:
 * `call`, `apply`, `bind` and what all objects inherit; actions of these names need `action()`.
 */
export function withActions<
  D extends Declared,
  M extends { action(call: ActionCall): Promise<unknown> },
>(members: M): M & ActionCalls<D> {
  const call: CallByName = (name, args) => members.action({ name, args });
  // The actions are there under any name, which the type of the Proxy cannot say.
  return withNames(members, (name) => actionOf(name, call)) as
    & M
    & ActionCalls<D>;
}

type CallByName = (name: string, args: unknown[]) => Promise<unknown>;

const functionMembers = ["call", "apply", "bind"];

function actionOf(name: string, call: CallByName): unknown {
  let values: Map<string, unknown> | undefined;
  return new Proxy((...args: unknown[]) => call(name, args), {
    get(target, member) {
      if (typeof member === "symbol" || isHidden(member)) return undefined;
      if (member in Object.prototype || functionMembers.includes(member)) {
        return Reflect.get(target, member);
      }
      values ??= new Map();
      return memberOf(
        values,
        member,
        () => actionOf(`${name}.${member}`, call),
      );
    },
  });
}

function isHidden(name: string): boolean {
  return name === "then" || name === "toJSON";
}

function memberOf(
  values: Map<string, unknown>,
  name: string,
  valueOf: (name: string) => unknown,
): unknown {
  let value = values.get(name);
  if (value === undefined) values.set(name, value = valueOf(name));
  return value;
}
