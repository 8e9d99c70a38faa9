/**
 * Which property names the bundles may shorten: those that nobody outside of one bundle ever spells. The compiler knows,
 * so there is no list to keep. A name that sources declare is kept as it is written when
 *
 * - the platform or a dependency declares it too (a declaration file of the program has it),
 * - users can reach it: it belongs to a type that an entry exports, or to one reachable from there,
 * - it is also written as text ('x' in y, y['x'], keyof, keys of bencoded dictionaries),
 * - or it crosses the edge of what is typed: its object is handed to something that takes any object (JSON.stringify,
 *   postMessage, Object.entries, a record), or it comes from such a place by an assertion or a type guard. Those are the
 *   messages between page, worker and service worker, and what is read from and written to the network and disk.
 *
 * A name is one name wherever it occurs: kept for one type, it is kept for all.
 */

import ts from 'typescript';

/** Values of these come from, or go to, where names are data. */
const UNTYPED = ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.NonPrimitive;

/**
 * @param {readonly string[]} entries the bundles' entry files.
 * @param {ts.CompilerOptions} options as the sources are compiled.
 * @returns {string[]} names that can be shortened, sorted.
 */
export function internalNames(entries, options) {
  const program = ts.createProgram(entries, {
    ...options,
    noEmit: true,
    composite: false,
    incremental: false,
  });
  const checker = program.getTypeChecker();
  const declared = new Set();
  const kept = new Set(['constructor', 'prototype', '__proto__', 'then']);
  const seen = new Set();

  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile) keepDeclared(file);
    else visit(file);
  }
  for (const entry of entries) keepExports(program.getSourceFile(entry));
  return [...declared].filter((name) => !kept.has(name)).sort();

  function keepDeclared(node) {
    if (isMember(node)) kept.add(nameOf(node));
    // The classes and functions of a global object are its properties.
    else if (ts.isIdentifier(node) && ts.isDeclarationStatement(node.parent)) kept.add(node.text);
    ts.forEachChild(node, keepDeclared);
  }

  function keepExports(file) {
    for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(file) ?? file.symbol)) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      kept.add(symbol.name);
      if (target.flags & ts.SymbolFlags.Type) keepType(checker.getDeclaredTypeOfSymbol(target));
      if (target.flags & ts.SymbolFlags.Value) keepType(checker.getTypeOfSymbol(target));
    }
  }

  /** Everything that who holds a value of this type can spell. */
  function keepType(type) {
    if (seen.has(type)) return;
    seen.add(type);
    if (type.isUnionOrIntersection()) {
      for (const part of type.types) keepType(part);
      return;
    }
    if (type.isTypeParameter() || type.flags & (ts.TypeFlags.Instantiable | ts.TypeFlags.StringMapping)) {
      const constraint = checker.getBaseConstraintOfType(type);
      if (constraint && constraint !== type) keepType(constraint);
      return;
    }
    if (type.isStringLiteral()) kept.add(type.value);
    if (!(type.flags & ts.TypeFlags.Object)) return;
    for (const argument of checker.getTypeArguments(type) ?? []) keepType(argument);
    for (const argument of type.aliasTypeArguments ?? []) keepType(argument);
    if (isForeign(type.symbol)) return;
    for (const property of checker.getPropertiesOfType(type)) {
      const from = property.declarations?.[0];
      if (from && ts.getCombinedModifierFlags(from) & ts.ModifierFlags.Private) continue;
      if (from && ts.isPrivateIdentifier(from.name ?? from)) continue;
      kept.add(property.name);
      keepType(checker.getTypeOfSymbol(property));
    }
    for (const { type: value } of checker.getIndexInfosOfType(type)) keepType(value);
    for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
      for (const parameter of signature.getParameters()) keepType(checker.getTypeOfSymbol(parameter));
      keepType(signature.getReturnType());
    }
  }

  function visit(node) {
    if (isMember(node)) declared.add(nameOf(node));
    // Text in types is not in the bundle, and Pick<T, 'name'> spells nothing.
    if (ts.isStringLiteralLike(node) && !ts.isLiteralTypeNode(node.parent)) kept.add(node.text);
    else if (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) {
      if (isUntyped(checker.getTypeAtLocation(node.expression))) keepType(checker.getTypeAtLocation(node));
    } else if (ts.isTypePredicateNode(node) && node.type) keepType(checker.getTypeFromTypeNode(node.type));
    else if (ts.isCallExpression(node) || ts.isNewExpression(node)) visitCall(node);
    else if (ts.isPropertyAccessExpression(node)) {
      if (ts.isIdentifier(node.name) && isAny(checker.getTypeAtLocation(node.expression)))
        kept.add(node.name.text);
    } else if (ts.isObjectBindingPattern(node)) visitPattern(node);
    else if (ts.isElementAccessExpression(node)) keepKeys(checker.getTypeAtLocation(node.argumentExpression));
    else if (ts.isForInStatement(node)) keepType(checker.getTypeAtLocation(node.expression));
    else if (ts.isSpreadAssignment(node)) visitContext(node.expression);
    if (ts.isObjectLiteralExpression(node)) visitLiteral(node);
    if (isGivenAway(node)) visitContext(node);
    ts.forEachChild(node, visit);
  }

  function visitCall(node) {
    const signature = checker.getResolvedSignature(node);
    if (signature === undefined) return;
    const parameters = signature.getParameters();
    for (const [index, argument] of (node.arguments ?? []).entries()) {
      const parameter = parameters[Math.min(index, parameters.length - 1)];
      if (parameter === undefined) continue;
      let type = checker.getTypeOfSymbolAtLocation(parameter, node);
      if (parameter.valueDeclaration?.dotDotDotToken)
        type = checker.getIndexTypeOfType(type, ts.IndexKind.Number) ?? type;
      const given = checker.getTypeAtLocation(argument);
      if (takesAnything(type)) keepData(given);
      else if (isAny(given)) keepType(type);
    }
  }

  /** `const { name } = value`, where nobody knows what the value is. */
  function visitPattern(node) {
    if (!isAny(checker.getTypeAtLocation(node.parent.initializer ?? node))) return;
    for (const { name, propertyName = name } of node.elements) {
      if (ts.isIdentifier(propertyName)) kept.add(propertyName.text);
    }
  }

  /** `value` stands where a type is expected: does its shape get lost there? */
  function visitContext(node) {
    const context = checker.getContextualType(node);
    if (context === undefined) return;
    const given = checker.getTypeAtLocation(node);
    if (takesAnything(context)) keepData(given);
    else if (isAny(given)) keepType(context);
  }

  function visitLiteral(node) {
    const context = checker.getContextualType(node);
    for (const property of node.properties) {
      if (!property.name || !ts.isIdentifier(property.name) || context === undefined) continue;
      const { text } = property.name;
      if (!hasProperty(context, text)) kept.add(text);
      else if (ts.isShorthandPropertyAssignment(property)) {
        const place = checker.getPropertyOfType(checker.getApparentType(context), text);
        const given = checker.getShorthandAssignmentValueSymbol(property);
        if (place && given && takesAnything(checker.getTypeOfSymbol(place)))
          keepData(checker.getTypeOfSymbol(given));
      }
    }
  }

  function hasProperty(type, name) {
    const parts = type.isUnion() ? type.types : [type];
    return parts.some((part) => checker.getPropertyOfType(checker.getApparentType(part), name) !== undefined);
  }

  /** Objects that are data, not the ones that only do something: their names are their own. */
  function keepData(type) {
    for (const part of type.isUnion() ? type.types : [type]) {
      if (part.isClass() || (part.symbol && part.symbol.flags & ts.SymbolFlags.Class)) continue;
      if (part.getCallSignatures().length > 0) continue;
      keepType(part);
    }
  }

  function takesAnything(type) {
    const parts = type.isUnion() ? type.types : [type];
    return parts.some(
      (part) =>
        isUntyped(part) ||
        (part.flags & ts.TypeFlags.Object &&
          checker.getPropertiesOfType(part).length === 0 &&
          part.getCallSignatures().length === 0 &&
          part.getConstructSignatures().length === 0) ||
        (part.flags & ts.TypeFlags.Object && checker.getStringIndexType?.(part)),
    );
  }

  function isAny(type) {
    return (type.flags & ts.TypeFlags.Any) !== 0;
  }

  function isUntyped(type) {
    return (
      (type.flags & UNTYPED) !== 0 || checker.getIndexTypeOfType(type, ts.IndexKind.String) !== undefined
    );
  }

  function keepKeys(type) {
    for (const part of type.isUnion() ? type.types : [type]) if (part.isStringLiteral()) kept.add(part.value);
  }

  function isForeign(symbol) {
    const file = symbol?.declarations?.[0]?.getSourceFile();
    return file?.isDeclarationFile === true;
  }
}

/** An expression that gives its value to a place with a type; arguments of calls are looked at with their call. */
function isGivenAway(node) {
  if (!ts.isExpression(node) || ts.isObjectLiteralExpression(node) || ts.isFunctionLike(node)) return false;
  const { parent } = node;
  return (
    ((ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent)) && parent.initializer === node) ||
    ts.isReturnStatement(parent) ||
    ts.isYieldExpression(parent) ||
    ts.isArrayLiteralExpression(parent) ||
    ts.isConditionalExpression(parent) ||
    ts.isSpreadElement(parent) ||
    (ts.isArrowFunction(parent) && parent.body === node) ||
    (ts.isBinaryExpression(parent) && parent.right === node)
  );
}

function isMember(node) {
  return (
    (ts.isPropertySignature(node) ||
      ts.isPropertyDeclaration(node) ||
      ts.isMethodSignature(node) ||
      ts.isMethodDeclaration(node) ||
      ts.isGetAccessor(node) ||
      ts.isSetAccessor(node) ||
      ts.isPropertyAssignment(node) ||
      ts.isShorthandPropertyAssignment(node)) &&
    nameOf(node) !== undefined
  );
}

function nameOf(node) {
  const { name } = node;
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : undefined;
}
