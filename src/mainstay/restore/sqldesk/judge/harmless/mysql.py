"""The functions of MySQL and MariaDB that change nothing, and those whose call must not have a space."""

FUNCTIONS = frozenset(
    """
    abs acos asin atan atan2 ceil ceiling conv cos cot crc32 crc32c degrees exp floor format ln log log10 log2 mod pi
    pow power radians rand round sign sin sqrt tan truncate greatest least interval

    ascii bin bit_count bit_length char char_length character_length chr concat concat_ws elt export_set field
    find_in_set from_base64 hex insert instr lcase left length lengthb locate lower lpad ltrim make_set mid
    natural_sort_key oct octet_length ord position quote regexp_instr regexp_like regexp_replace regexp_substr repeat
    replace reverse right rpad rtrim sformat soundex space strcmp substr substring substring_index to_base64 to_char
    trim ucase unhex upper weight_string convert cast binary extractvalue updatexml match

    adddate addtime add_months convert_tz curdate current_date current_time current_timestamp curtime date date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime get_format
    hour last_day localtime localtimestamp makedate maketime microsecond minute month monthname now period_add
    period_diff quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec timediff
    timestamp timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp week weekday
    weekofyear year yearweek

    if ifnull isnull nullif nvl nvl2 coalesce

    aes_decrypt aes_encrypt compress md5 random_bytes sha sha1 sha2 statement_digest statement_digest_text uncompress
    uncompressed_length kdf password old_password des_encrypt des_decrypt encode decode

    json_array json_array_append json_array_insert json_arrayagg json_compact json_contains json_contains_path
    json_depth json_detailed json_equals json_exists json_extract json_insert json_keys json_length json_loose
    json_merge json_merge_patch json_merge_preserve json_normalize json_object json_objectagg json_object_filter_keys
    json_object_to_array json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid
    json_schema_validation_report json_search json_set json_storage_free json_storage_size json_table json_type
    json_unquote json_valid json_value json_array_intersect json_key_value json_unformat

    avg bit_and bit_or bit_xor count group_concat max median min std stddev stddev_pop stddev_samp sum var_pop
    var_samp variance any_value cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank
    percentile_cont percentile_disc rank row_number grouping

    charset coercibility collation connection_id current_role current_user database found_rows row_count schema
    session_user system_user user version icu_version default values is_free_lock is_used_lock
    last_insert_id lastval name_const

    inet6_aton inet6_ntoa inet_aton inet_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid uuid uuid_to_bin
    bin_to_uuid sys_guid gtid_subset gtid_subtract

    st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_crosses
    st_difference st_dimension st_disjoint st_distance st_distance_sphere st_envelope st_equals st_geohash
    st_geomfromgeojson st_geomfromtext st_geomfromwkb st_intersection st_intersects st_isempty st_issimple st_isvalid
    st_latitude st_length st_longitude st_overlaps st_pointfromtext st_simplify st_srid st_touches st_transform
    st_union st_within st_x st_y point linestring polygon mbrcontains mbrwithin mbrintersects

    column_get column_exists column_list column_json column_check column_create column_add column_delete
    vec_distance vec_distance_euclidean vec_distance_cosine vec_fromtext vec_totext
    """.split()
)

# With a space between name and parenthesis the server does not see the built-in function of this name but looks for a
# stored one, unless it runs with IGNORE_SPACE.
WITHOUT_SPACE = frozenset(
    """
    adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract group_concat json_arrayagg
    json_objectagg lag lead first_value last_value max mid min now position session_user std stddev stddev_pop
    stddev_samp subdate substr substring sum sysdate system_user trim variance var_pop var_samp avg row_number rank
    dense_rank ntile nth_value percent_rank cume_dist
    """.split()
)

HINTS = frozenset(
    """
    bka no_bka bnl no_bnl derived_condition_pushdown no_derived_condition_pushdown group_index no_group_index
    hash_join no_hash_join index no_index index_merge no_index_merge join_fixed_order join_index no_join_index
    join_order join_prefix join_suffix merge no_merge mrr no_mrr no_icp no_range_optimization order_index
    no_order_index qb_name semijoin no_semijoin skip_scan no_skip_scan subquery
    """.split()
)
