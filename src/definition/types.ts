/** The types of one kind of actor, as one bag. */
export interface ActorTypes {
  /** What is saved: the type of `c.state`. */
  state: unknown;
  /** What a caller passes when it connects. */
  params: unknown;
  /** What is saved for each connection: the type of `conn.state`. */
  connState: unknown;
  /** What lives as long as one instance and is not saved: the type of `c.vars`. */
  vars: unknown;
  /** What is given at creation. */
  input: unknown;
}

/** A bag of types that are known one by one. */
export interface Bag<State, Params, ConnState, Vars, Input> {
  state: State;
  params: Params;
  connState: ConnState;
  vars: Vars;
  input: Input;
}

// The two bags below name what they need one by one: a handler whose context mentioned a type that
// its own result decides would fix that type before the result is known.

/** What is known where a connection is decided over: it has no state yet. */
export interface BeforeConnectTypes<State, Vars> {
  state: State;
  params: unknown;
  connState: unknown;
  vars: Vars;
  input: unknown;
}

/** What is known where the vars are made. */
export interface BeforeVarsTypes<State> {
  state: State;
  params: unknown;
  connState: unknown;
  vars: unknown;
  input: unknown;
}

/** Anything that tells its types: an actor's definition. */
export interface Declared {
  /** The types; there is no value. */
  readonly "~types"?: ActorTypes & {
    /** The actions by name. */
    actions: object;
  };
}

/** The bag of types of a definition, and its actions. */
export type TypesOf<D extends Declared> = NonNullable<D["~types"]>;

/** The actions of a definition. */
export type ActionsOf<D extends Declared> = TypesOf<D>["actions"];
