/** What a user can do about a tracker that fails: one sentence each, told behind the one that says how it fails. */

export const TRY_AGAIN =
  'It is asked again by itself; if this lasts, check the network and its address, or add another tracker.';
export const CHECK_ADDRESS =
  'Check that this is the announce address of a tracker, or add another one; it is asked again now and then.';
export const ASK_OPERATOR = 'Ask those who run it, or add another tracker; it is asked again now and then.';
export const GIVEN_UP = 'Ask those who run it, or add another tracker; it wants not to be asked again.';
