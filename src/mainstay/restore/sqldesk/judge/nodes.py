"""The kinds of nodes that read. A kind that is not here is refused."""

from sqlglot import exp

_NAMES = """
    Add Alias Aliases All Any AtTimeZone Between BitString BitwiseAnd BitwiseLeftShift BitwiseNot BitwiseOr
    BitwiseRightShift BitwiseXor Boolean Bracket ByteString CTE CharacterSet Column ColumnDef Cube DPipe DataType
    DataTypeParam Distance Distinct Div Dot EQ Escape Except Fetch Filter From GT GTE Glob Group GroupingSets Having
    HexString Hint ILike Identifier In IndexTableHint IntDiv Intersect Interval IntervalSpan Introducer Is
    JSONColumnDef JSONKeyValue JSONPath JSONPathFilter JSONPathKey JSONPathRecursive JSONPathRoot JSONPathScript
    JSONPathSelector JSONPathSlice JSONPathSubscript JSONPathUnion JSONPathWildcard JSONSchema JSONValue Join Kwarg LT
    LTE Lambda Lateral Like Limit LimitOptions Literal Mod Mul NEQ National Neg Not Null NullSafeEQ NullSafeNEQ
    ObjectIdentifier Offset Operator Order Ordered Overlaps Parameter Paren Placeholder RawString Rollup
    Select SessionParameter SimilarTo Slice Star Sub Subquery Table TableAlias TableFromRows TableSample Tuple Union
    UnicodeString Values Var Where Window WindowSpec With WithinGroup WithTableHint XMLNamespace
"""

# Functions by a sign or a word, without a call: their names stand in no list.
_BY_SIGN = """
    And Or Xor Case Cast If Collate Exists JSONExtract JSONExtractScalar JSONBExtract JSONBExtractScalar
    JSONBContainsAllTopKeys JSONBContainsAnyTopKeys JSONBContainsTopKey ArrayContainsAll ArrayContainedBy
    ArrayOverlaps RegexpLike RegexpILike CurrentCatalog CurrentDatabase CurrentDate CurrentRole CurrentSchema
    CurrentTime CurrentTimestamp CurrentUser Localtime Localtimestamp SessionUser Array MatchAgainst Pow
"""

# Functions that the parser calls by another name than the server; the name in the text is judged beside.
_RENAMED = """
    BitwiseAndAgg BitwiseCount BitwiseOrAgg BitwiseXorAgg CastToStrType ConvertTimezone CurrentVersion DecodeCase
    Explode ExplodingGenerateSeries Greatest GroupConcat Hex JSONArrayAgg JSONBObjectAgg JSONBPathExists JSONObject
    JSONObjectAgg JSONTable Least NumberToStr Pad SHA2Digest StrPosition StrToDate StrToTime TimeFromParts TimeToStr
    TimestampAdd TimestampFromParts TimestampTrunc TsOrDsToDate TsOrDsToTimestamp UnixToTime XMLTable
"""


def _kinds(names: str) -> tuple[type[exp.Expr], ...]:
    return tuple(getattr(exp, name) for name in names.split())


NODES = _kinds(_NAMES)
FUNCTION_NODES = _kinds(_BY_SIGN + _RENAMED)
