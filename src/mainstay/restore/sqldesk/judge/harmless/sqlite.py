"""SQLite's functions and pragmas that change nothing."""

FUNCTIONS = frozenset(
    """
    abs changes char coalesce concat concat_ws format glob hex ifnull iif if instr last_insert_rowid length like
    likelihood likely lower ltrim max min nullif octet_length printf quote random randomblob replace round rtrim sign
    soundex sqlite_compileoption_get sqlite_compileoption_used sqlite_source_id sqlite_version substr substring
    total_changes trim typeof unhex unicode unistr unistr_quote unlikely upper zeroblob cast

    date time datetime julianday strftime timediff unixepoch current_date current_time current_timestamp

    acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power
    radians sin sinh sqrt tan tanh trunc

    json json_array json_array_length json_array_insert json_error_position json_extract json_insert json_object
    json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid json_group_array
    json_group_object json_each json_tree jsonb jsonb_array jsonb_extract jsonb_insert jsonb_object jsonb_patch
    jsonb_remove jsonb_replace jsonb_set jsonb_group_array jsonb_group_object jsonb_each jsonb_tree

    avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
    generate_series bm25 highlight snippet offsets matchinfo

    pragma_table_info pragma_table_xinfo pragma_table_list pragma_index_list pragma_index_info pragma_index_xinfo
    pragma_foreign_key_list pragma_foreign_key_check pragma_database_list pragma_collation_list pragma_function_list
    pragma_module_list pragma_pragma_list pragma_compile_options pragma_integrity_check pragma_quick_check
    """.split()
)

# A pragma with an argument in parentheses sets it, unless it is one of these.
PRAGMAS_WITH_ARGUMENT = frozenset(
    """
    table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check
    integrity_check quick_check
    """.split()
)
PRAGMAS = PRAGMAS_WITH_ARGUMENT | frozenset(
    """
    application_id auto_vacuum busy_timeout cache_size collation_list compile_options data_version database_list
    encoding foreign_keys freelist_count function_list journal_mode module_list page_count page_size pragma_list
    query_only recursive_triggers schema_version synchronous user_version
    """.split()
)
