/**
 * Removes a worker that stops. If it still holds messages, it stays until it is found dead, so that they are restored.
 *
 * KEYS: workers by the time of their last heartbeat, the worker's held messages. ARGV: the worker.
 */
export const LEAVE = `
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0
`;
