// Where Weir's own modules are, without asking the file system.
import module from 'node:module';

/**
 * Spares Node the search for modules that name each other by relative path and with extension: for each it
 * asks what the path is, whether it is a link, and of what kind its package is. A start loads over a hundred.
 * Packages, and whatever is named otherwise, Node finds as it always does.
 */
export function resolveOwnModulesByName() {
  module.registerHooks?.({
    resolve(specifier, context, nextResolve) {
      if (!isOwnModule(specifier, context.parentURL)) return nextResolve(specifier, context);
      return {
        url: new URL(specifier, context.parentURL).href,
        format: 'module-typescript',
        shortCircuit: true,
      };
    },
  });
}

/** Relative, TypeScript, and named by one of ours: what a package of others names so may be something else. */
function isOwnModule(specifier, parent) {
  return specifier.startsWith('.') && specifier.endsWith('.ts') && parent?.endsWith('.ts');
}
