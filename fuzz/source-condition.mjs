/** Lets packages resolve to their TypeScript, as the tests have it, so that nothing need be built. */

export function resolve(specifier, context, next) {
  return next(specifier, { ...context, conditions: ['source', ...context.conditions] });
}
