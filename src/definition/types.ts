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
  /** The client of its database: the type of `c.db`. */
  db: unknown;
  /** What the definition says of its events. */
  events: unknown;
  /** What the definition says of its queues. */
  queues: unknown;
}

/** A bag of types that are known one by one. */
export interface Bag<
  State,
  Params,
  ConnState,
  Vars,
  Input,
  Db = unknown,
  Events = unknown,
  Queues = unknown,
> {
  /** The type of `c.state`. */
  state: State;
  /** What a caller passes when it connects. */
  params: Params;
  /** The type of `conn.state`. */
  connState: ConnState;
  /** The type of `c.vars`. */
  vars: Vars;
  /** What is given at creation. */
  input: Input;
  /** The type of `c.db`. */
  db: Db;
  /** What the definition says of its events. */
  events: Events;
  /** What the definition says of its queues. */
  queues: Queues;
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
