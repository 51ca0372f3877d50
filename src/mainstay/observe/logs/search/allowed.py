"""The kinds of nodes and the functions that a person's own SQL may have, as the engine's parser names them."""


def _listed(text: str) -> frozenset[str]:
    return frozenset(name for line in text.splitlines() if not line.startswith("#") for name in line.split())


NODES = _listed("""
SelectWithUnionQuery SelectIntersectExceptQuery SelectQuery ExpressionList Subquery WithElement TablesInSelectQuery
TablesInSelectQueryElement TableExpression TableJoin ArrayJoin Identifier Asterisk QualifiedAsterisk Literal
QueryParameter OrderByElement WindowDefinition InterpolateElement
""")
# In lower case. None of them reads a file, an address, a setting, a dictionary or the engine itself.
FUNCTIONS = _listed("""
# Logic, comparison, arithmetic.
and or not xor if multiif ifnull nullif coalesce isnull isnotnull assumenotnull tonullable equals notequals less
greater lessorequals greaterorequals in notin globalin nullin like notlike ilike notilike match between plus minus
multiply divide intdiv modulo negate abs round floor ceil ceiling trunc sqrt exp log log2 log10 pow power sign least
greatest intdivorzero modulo bitand bitor bitxor bitshiftleft bitshiftright lambda
# Aggregates and windows.
count countif sum sumif avg avgif min minif max maxif any anylast anyif argmin argmax uniq uniqif uniqexact
uniqcombined quantile quantileexact quantiles quantilestdigest quantiletdigest median medianexact stddevpop
stddevsamp varpop varsamp corr groupuniqarray grouparray topk first_value last_value row_number rank dense_rank
ntile lag lead laginframe leadinframe grouping
# Text.
length lengthutf8 lower upper lowerutf8 upperutf8 trim trimboth trimleft trimright ltrim rtrim concat substring
substr substringutf8 left right position positioncaseinsensitive positionutf8 positioncaseinsensitiveutf8 locate
startswith endswith replace replaceone replaceall replaceregexpone replaceregexpall extract extractall extractgroups
splitbychar splitbystring splitbyregexp splitbynonalpha hastoken hastokencaseinsensitive multisearchany
multisearchanycaseinsensitive multimatchany countsubstrings empty notempty reverse format tostring leftpad rightpad
formatreadablesize formatreadablequantity tovalidutf8 domain path cutquerystring extracturlparameter
# JSON in a body.
jsonextractstring jsonextractint jsonextractuint jsonextractfloat jsonextractbool jsonextractraw jsonhas isvalidjson
simplejsonextractstring simplejsonextractint simplejsonextractfloat visitparamextractstring tojsonstring
# Arrays and maps.
array tuple map arrayelement tupleelement arrayjoin arrayexists arrayall arraymap arrayfilter arraycount arraysort
arraystringconcat arraydistinct arrayslice has hasany hasall indexof mapkeys mapvalues mapcontains mapcontainskey
# Numbers and kinds.
cast _cast touint8 touint16 touint32 touint64 toint8 toint16 toint32 toint64 tofloat32 tofloat64 tofloat64ornull
tofloat64orzero toint64ornull toint64orzero touint64ornull touint64orzero hex unhex cityhash64 siphash64
# Time.
now now64 today yesterday todate todatetime todatetime64 parsedatetimebesteffort parsedatetime64besteffort
tostartofinterval tostartofsecond tostartofminute tostartoffiveminutes tostartoffiveminute tostartoftenminutes
tostartoffifteenminutes tostartofhour tostartofday tostartofweek tostartofmonth toyear tomonth todayofmonth
todayofweek tohour tominute tosecond tounixtimestamp tounixtimestamp64micro tounixtimestamp64milli
fromunixtimestamp64micro fromunixtimestamp64milli fromunixtimestamp datediff date_diff dateadd datesub datetrunc
date_trunc formatdatetime totimezone tointervalsecond tointervalminute tointervalhour tointervalday tointervalweek
tointervalmonth addseconds addminutes addhours adddays subtractseconds subtractminutes subtracthours subtractdays
""")
