"""PostgreSQL's functions that change nothing, and its types whose input runs nobody's code."""

FUNCTIONS = frozenset(
    """
    abs cbrt ceil ceiling degrees div erf erfc exp factorial floor gcd lcm ln log log10 min_scale mod pi power radians
    round scale sign sqrt trim_scale trunc width_bucket random acos acosd asin asind atan atand atan2 atan2d cos cosd
    cot cotd sin sind tan tand sinh cosh tanh asinh acosh atanh

    bit_length char_length character_length lower normalize octet_length overlay position substring trim upper ascii
    btrim chr concat concat_ws format initcap left length lpad ltrim md5 parse_ident quote_ident quote_literal
    quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim split_part
    starts_with string_to_array string_to_table strpos substr to_ascii to_hex translate unistr casefold to_bin to_oct
    convert convert_from convert_to encode decode get_bit get_byte set_bit set_byte sha224 sha256 sha384 sha512
    bit_count crc32 crc32c textlen text_larger text_smaller

    to_char to_date to_number to_timestamp
    age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days
    justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now
    statement_timestamp timeofday transaction_timestamp overlaps timezone current_timestamp localtimestamp
    current_time localtime current_date

    enum_first enum_last enum_range
    area center diagonal diameter height isclosed isopen npoints pclose popen radius slope width box circle line lseg
    path point polygon bound_box
    abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen text trunc
    macaddr8_set7bit

    array_to_tsvector get_current_ts_config numnode plainto_tsquery phraseto_tsquery websearch_to_tsquery querytree
    setweight strip to_tsquery to_tsvector ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsquery_phrase
    tsvector_to_array ts_debug ts_lexize ts_parse ts_token_type json_to_tsvector jsonb_to_tsvector
    gen_random_uuid uuidv4 uuidv7 uuid_extract_timestamp uuid_extract_version

    xmlcomment xmlconcat xmlelement xmlforest xmlpi xmlroot xmlagg xmlexists xmltable xpath xpath_exists
    xml_is_well_formed xml_is_well_formed_document xml_is_well_formed_content xmlparse xmlserialize xmltext

    to_json to_jsonb array_to_json row_to_json json_build_array jsonb_build_array json_build_object jsonb_build_object
    json_object jsonb_object json_array json_scalar json_serialize json_array_elements jsonb_array_elements
    json_array_elements_text jsonb_array_elements_text json_array_length jsonb_array_length json_each jsonb_each
    json_each_text jsonb_each_text json_extract_path jsonb_extract_path json_extract_path_text
    jsonb_extract_path_text json_object_keys jsonb_object_keys json_populate_record jsonb_populate_record
    json_populate_recordset jsonb_populate_recordset json_to_record jsonb_to_record json_to_recordset
    jsonb_to_recordset jsonb_set jsonb_set_lax jsonb_insert json_strip_nulls jsonb_strip_nulls jsonb_path_exists
    jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_path_exists_tz
    jsonb_path_match_tz jsonb_path_query_tz jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_pretty
    json_typeof jsonb_typeof json_exists json_query json_value json_table jsonb_delete_path

    array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions
    array_prepend array_remove array_replace array_sample array_shuffle array_reverse array_sort array_to_string
    array_upper trim_array unnest cardinality generate_subscripts generate_series
    isempty lower_inc upper_inc lower_inf upper_inf range_merge multirange int4range int8range numrange tsrange
    tstzrange daterange int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange

    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or count every json_agg jsonb_agg json_object_agg
    jsonb_object_agg json_arrayagg json_objectagg json_agg_strict jsonb_agg_strict max min range_agg
    range_intersect_agg string_agg sum corr covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2
    regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp variance var_pop var_samp mode percentile_cont
    percentile_disc rank dense_rank percent_rank cume_dist grouping row_number ntile lag lead first_value last_value
    nth_value

    row coalesce nullif greatest least num_nonnulls num_nulls merge_action

    current_catalog current_database current_query current_role current_schema current_schemas current_user
    session_user user system_user inet_client_addr inet_client_port inet_server_addr inet_server_port pg_backend_pid
    pg_blocking_pids pg_conf_load_time pg_is_other_temp_schema pg_my_temp_schema pg_jit_available
    pg_listening_channels pg_notification_queue_usage pg_postmaster_start_time pg_safe_snapshot_blocking_pids
    pg_trigger_depth version has_any_column_privilege has_column_privilege has_database_privilege
    has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege has_parameter_privilege
    has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
    has_type_privilege pg_has_role row_security_active
    pg_collation_is_visible pg_function_is_visible pg_operator_is_visible pg_table_is_visible pg_type_is_visible
    pg_opclass_is_visible pg_ts_config_is_visible format_type to_regclass to_regcollation to_regnamespace to_regoper
    to_regoperator to_regproc to_regprocedure to_regrole to_regtype pg_get_constraintdef pg_get_expr
    pg_get_functiondef pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
    pg_get_indexdef pg_get_keywords pg_get_partkeydef pg_get_partition_constraintdef pg_get_ruledef
    pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid pg_get_viewdef
    pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_options_to_table
    pg_tablespace_databases pg_tablespace_location pg_typeof pg_encoding_to_char pg_char_to_encoding
    pg_describe_object pg_identify_object pg_get_object_address col_description obj_description shobj_description
    pg_input_is_valid pg_get_catalog_foreign_keys current_setting pg_settings_get_flags
    txid_current_if_assigned txid_current_snapshot txid_snapshot_xip txid_snapshot_xmax txid_snapshot_xmin
    txid_status txid_visible_in_snapshot pg_current_xact_id_if_assigned pg_current_snapshot pg_snapshot_xip
    pg_snapshot_xmax pg_snapshot_xmin pg_visible_in_snapshot pg_xact_commit_timestamp pg_xact_status mxid_age
    pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_lsn pg_current_wal_insert_lsn
    pg_current_wal_flush_lsn pg_wal_lsn_diff pg_walfile_name pg_walfile_name_offset pg_last_committed_xact
    pg_column_size pg_column_compression pg_database_size pg_indexes_size pg_relation_size pg_size_bytes
    pg_size_pretty pg_table_size pg_tablespace_size pg_total_relation_size pg_relation_filenode pg_relation_filepath
    pg_filenode_relation pg_partition_tree pg_partition_ancestors pg_partition_root
    pg_lock_status pg_prepared_xact pg_stat_get_activity pg_stat_get_progress_info pg_stat_get_backend_activity
    pg_stat_get_backend_pid pg_stat_get_db_xact_commit pg_stat_get_live_tuples pg_stat_get_dead_tuples
    pg_stat_get_numscans pg_timezone_names pg_timezone_abbrevs pg_available_extensions pg_sequence_last_value
    pg_sequence_parameters currval lastval
    """.split()
)

# Functions in the server's catalog that are said to be stable and have an effect all the same, or run what they are
# given. They are refused whatever the catalog says.
NEVER = frozenset(
    """
    txid_current pg_current_xact_id crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby xpath_table xpath_list
    query_to_xml query_to_xml_and_xmlschema query_to_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml
    table_to_xml_and_xmlschema schema_to_xml schema_to_xml_and_xmlschema database_to_xml
    database_to_xml_and_xmlschema ts_stat ts_rewrite set_config setseed
    """.split()
)

# Types that are functions too, such as date(placed_at), or that no function can be called like.
CASTS = frozenset(
    """
    bool bytea bpchar date float4 float8 int2 int4 int8 money name oid timetz timestamptz varbit xid macaddr macaddr8
    regclass inet cidr jsonb bigint bit boolean char character dec decimal float int integer national nchar numeric
    real smallint time timestamp varchar varying
    """.split()
)

TYPES = frozenset(
    """
    bigint int8 integer int int4 smallint int2 serial bigserial bit varbit boolean bool bytea character char bpchar
    varchar text name date double float float4 float8 real numeric decimal dec money time timetz timestamp timestamptz
    interval inet cidr macaddr macaddr8 json jsonb jsonpath uuid xml point line lseg box path polygon circle tsquery
    tsvector int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange
    tsmultirange tstzmultirange datemultirange oid xid xid8 cid tid regclass regtype regproc regprocedure regoper
    regoperator regrole regnamespace regcollation regconfig regdictionary pg_lsn pg_snapshot txid_snapshot national
    nchar record int2vector oidvector aclitem refcursor
    """.split()
)
